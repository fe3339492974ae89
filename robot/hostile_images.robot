*** Settings ***
Documentation       Images that nobody trusted has signed, or that are not for this device, are refused with power and without.
Resource            harness/robot/power_cuts.resource
Test Template       A Hostile Image Is Refused


*** Test Cases ***                      DEFECT              COUNTER PAGE
Altered After Signing                   altered-code        fresh
Signed With A Foreign Key               foreign-key         fresh
Damaged On Its Way                      corrupt-code        fresh
For Another Hardware Revision           wrong-hardware      fresh
Altered And The Counter Page Is Full    altered-code        full

An Altered Application Does Not Start
    [Template]    NONE
    [Setup]    Prepare The Device
    Given The Device Is In Case tampered-application
    When Power Comes On
    Then The Device Asks For Help
    And No Rule Is Broken

A Bootloader Without This Check Is Found
    [Template]    NONE
    [Setup]    Prepare A Device With A Mistake    signature-ignored
    Given The Device Is In Case forged
    When Power Comes On
    Then The Harness Reports authentic_entry


*** Keywords ***
A Hostile Image Is Refused
    [Arguments]    ${defect}    ${counter_page}
    Given A Hostile Image Waits Beside Version 1    ${defect}    ${counter_page}
    When Power Comes On
    Then The Old Version 1 Runs
    And No Rule Is Broken
    And Losing Power At Any Of 6 Moments Does No Harm
