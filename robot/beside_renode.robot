*** Settings ***
Documentation       The harness makes the flash that a power cut leaves; plain Renode, with its own keywords, boots it.
...                 These come with Renode: renode-test robot/beside_renode.robot
Resource            harness/robot/power_cuts.resource
Resource            ${RENODEKEYWORDS}
Suite Setup         Setup
Suite Teardown      Teardown
Test Teardown       Reset Emulation


*** Variables ***
${RENODEKEYWORDS}    ${CURDIR}/without_renode.resource
${BOARD}             ${CURDIR}/../platforms/stm32f103/board.resc


*** Test Cases ***
A Torn Journal Record Is Survived In Renode
    Given Version 2 Waits Beside Version 1
    When Power Is Lost At Operation 2    some
    And Renode Boots What This Left
    Then Wait For Line On Uart    application 2 ready    timeout=2

Power Lost Twice Is Survived In Renode
    Given Version 2 Waits Beside Version 1
    When Power Is Lost At Operation 60    most
    And Power Is Lost Again At Operation 0    some
    And Renode Boots What This Left
    Then Wait For Line On Uart    application 2 ready    timeout=2


*** Keywords ***
Renode Boots What This Left
    ${flash} =    Save Flash    ${OUTPUT DIR}/after-the-cut.bin
    Execute Command    $image=@${flash}
    Execute Command    include @${BOARD}
    Create Terminal Tester    sysbus.uart
    Start Emulation
